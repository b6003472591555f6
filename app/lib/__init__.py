"""Libraries that are independent of the app: they import no other package of it."""
