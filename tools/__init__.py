"""Scripts for developers that generate files of this repository. The app never imports them."""
