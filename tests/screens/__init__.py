"""Pictures of every page, from a real run in a real browser: ``make screens`` makes them and their page anew."""
