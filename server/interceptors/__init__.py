"""What happens to every call around its servicer; `chain` gives the order, with the reasons."""
