"""Asks the server many times over one connection. Prints one JSON object: when each request was sent."""

import argparse
import itertools
import json
import random
import socket
import time

WORDS = ("river stone window paper garden letter music winter bridge engine silver market doctor island number "
         "forest camera planet summer basket").split()
TEMPLATE = "Answer as the assistant would, step by step, with all of your reasoning: what is a {} {} {}?"


def diverse_prompts(seed):
    """What people ask: no two begin alike."""
    chance = random.Random(seed)
    while True:
        yield " ".join(chance.choices(WORDS, k=chance.randint(8, 24)))


def template_prompts():
    """One template with ever new fillings."""
    for number, (one, two) in enumerate(itertools.cycle(itertools.product(WORDS, WORDS))):
        yield TEMPLATE.format(one, two, number)


def request(prompt, key):
    body = json.dumps({"model": "demo", "prompt": prompt, "max_tokens": 8}).encode()
    head = ("POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: demo\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def read_answer(stream):
    status = stream.readline()
    length = 0
    while (line := stream.readline().strip()):
        name, value = line.split(b":", 1)
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return b" 200 " in status


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--key", required=True)
    parser.add_argument("--template", action="store_true")
    parser.add_argument("--pause", type=float, default=0, help="mean seconds between requests")
    options = parser.parse_args()
    prompts = template_prompts() if options.template else diverse_prompts(options.key)
    sent = []
    answered = 0
    with socket.create_connection(("127.0.0.1", options.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        for prompt in itertools.islice(prompts, options.count):
            time.sleep(random.expovariate(1 / options.pause) if options.pause else 0)
            sent.append(time.time())
            connection.sendall(request(prompt, options.key))
            answered += read_answer(stream)
    print(json.dumps({"answered": answered, "sent": sent}))


if __name__ == "__main__":
    main()
