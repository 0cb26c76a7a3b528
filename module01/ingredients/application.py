"""The application: the few lines that are ours."""
import greetings

print(greetings.greet("container"))
