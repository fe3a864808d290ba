# Tries to make itself the last that the kernel kills when memory runs out.
# Contained at: process, restricted, isolated

from tools import claim, done, read, tries


def lower():
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("-500")


tries(lower)
if int(read("/proc/self/oom_score_adj")) < 0:
    claim("score")
done()
