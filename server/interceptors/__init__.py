"""What happens to every call before and after its servicer; `chain` gives the order, with reasons."""
