"""What would have been predicted at past origins, by the model, the baselines and the champion."""
