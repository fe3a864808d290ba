# Shows a long log: 10,000 numbered lines, every hundredth in bold, all kept in order.
for number in range(1, 10_001):
    line = f"line {number:5} of 10000"
    print(f"\033[1m{line}\033[0m" if number % 100 == 0 else line)
