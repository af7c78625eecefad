"""Who will leave, and what a customer is worth: learned from features at past cut-offs, judged on what came
after.
"""
