"""From a bundle to answers: one predictor behind HTTP, batch and page."""
