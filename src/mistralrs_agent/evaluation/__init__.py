"""How good an agent a model is: prompts kept out of training, asked through a real server with real tools."""
