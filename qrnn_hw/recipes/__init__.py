"""The published ways of training the models of the first source, as data and as features."""
