"""Settings that production accepts, beyond those of every core under test."""

PRODUCTION = {
    "profile": "production",
    "public_url": "https://id.example.org",
    "smtp_url": "smtps://mail.example.org",
    "mail_from": "limen <no-reply@example.org>",
    "edge_secret": "e" * 43,
    "argon2_memory_kib": 19 * 1024,
    "argon2_time": 2,
    "rate_limit_scale": 10,
}
