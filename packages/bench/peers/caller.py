# Does the same as src/peers/caller.ts, with the client of portserver, which is written in Python.
import json
import sys
import time

import portpicker

print('"ready"', flush=True)
for line in sys.stdin:
    answers = []
    for _ in json.loads(line):
        started = time.perf_counter()
        try:
            answer = {'port': portpicker.pick_unused_port()}
        except Exception as error:
            answer = {'error': repr(error)}
        answers.append({**answer, 'ms': (time.perf_counter() - started) * 1000})
    print(json.dumps(answers), flush=True)
