"""Stories in a real browser. A package, so that one browser and one system live as long as its tests."""
