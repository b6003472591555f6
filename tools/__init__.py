"""Scripts for developers: they write files of this repository, and the app never imports them."""
