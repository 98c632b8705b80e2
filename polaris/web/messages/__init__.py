"""A charger's messages: searched, followed, and downloaded for replay."""
