"""Train the churn and value models on earlier cut-offs, judge them on a later one, let them through a gate or not."""
