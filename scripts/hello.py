# Shows what every run can know about itself.
import os
from datetime import datetime

print("Hello from the Job Trigger Portal!")
print(f"It is {datetime.now():%H:%M:%S} where this runs.")
print(f"I am run {os.environ['PORTAL_RUN_ID']} of the job {os.environ['PORTAL_JOB']!r},")
print(f"attempt {os.environ['PORTAL_ATTEMPT']}, promised for {os.environ['PORTAL_NOMINAL_AT']}.")
