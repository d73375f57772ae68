"""What lies behind a garment: rooms, streets, walls and tables, a little out of focus."""
