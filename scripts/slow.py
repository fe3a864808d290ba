# Shows live output and colours: one line a second for 30 seconds. Try to cancel it.
import time

STEPS = 30
GREEN, DIM, RESET = "\033[32m", "\033[2m", "\033[0m"

for step in range(1, STEPS + 1):
    bar = "#" * step + "." * (STEPS - step)
    print(f"step {step:2} of {STEPS} {GREEN}[{bar}]{RESET} {DIM}{step / STEPS:4.0%}{RESET}")
    time.sleep(1)
print(f"{GREEN}done{RESET}")
