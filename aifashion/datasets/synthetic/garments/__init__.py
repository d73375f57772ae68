"""Garments by their parts: designed, posed, trimmed, and put together into outfits."""
