"""The tasks that stages are mixtures of."""

import dataclasses

from wan_streamer.train.model_recipe import TaskConfig

# The visitors' words, and those of the answer, for what reads letters alone.
READ = TaskConfig(name="read", batch_size=64, units=40, speaks=False, text="said", reads=True, where="question")
# The visitors' words as they end, from sound alone: else a few thousand sentences are sooner learned by heart.
HEAR = TaskConfig(name="hear", batch_size=10, units=32, speaks=False, text="said", forgets=True, where="question")
# What is answered to what is heard, and when.
ANSWER = TaskConfig(name="answer", batch_size=16, units=32, speaks=False, where="question")
# The same beside all streams: learned from the few conversations with pictures alone, it would be learned by heart.
MEET = TaskConfig(name="meet", batch_size=6, units=24, sees=True, shows=True, where="question", borrows=True)
# To fall silent where a question interrupts, and to answer that.
YIELD = dataclasses.replace(MEET, name="yield", units=32, where="interruption")
# To be silent while nobody asks anything, however much is heard.
WAIT = dataclasses.replace(MEET, name="wait", where="anywhere")
# What is answered to what visitors do, beside all streams.
GREET = TaskConfig(name="greet", batch_size=6, units=24, sees=True, shows=True, where="action")
# What is answered to what, in words alone.
DIALOGUE = TaskConfig(name="dialogue", batch_size=4, units=100, speaks=False, text="dialogue")
# The agent's sound from its words: most turns are shorter than a window.
SPEAK = TaskConfig(name="speak", batch_size=6, units=40, noisy_units=40, hears=False, where="turn")
# The conversation's words alone: to be silent where nothing is asked.
ATTEND = TaskConfig(name="attend", batch_size=6, units=64, speaks=False)
# When to speak, and what: the conversation's sound.
CONVERSE = TaskConfig(name="converse", batch_size=2, units=100, noisy_units=40)
# What the visitors do, in words.
NOTICE = TaskConfig(name="notice", batch_size=4, units=30, sees=True, speaks=False, text="noticed", where="action")
# What is said to what is seen, and when.
REACT = TaskConfig(name="react", batch_size=4, units=30, sees=True, speaks=False, where="action")
# The agent's sound and face from its words.
SHOW = TaskConfig(name="show", batch_size=4, units=10, noisy_units=10, hears=False, shows=True, where="turn")
# The agent's face through all of a conversation: most of it listens or waits.
IDLE = TaskConfig(name="idle", batch_size=4, units=10, noisy_units=10, hears=False, shows=True)
# All streams together: sound and face. Words are given only: a recorded face tells that it is about to speak.
DUPLEX = TaskConfig(name="duplex", batch_size=2, units=50, noisy_units=20, sees=True, shows=True, text="given")
# All streams together: words, beside what the model itself makes of sound and face where there is such data.
FOLLOW = TaskConfig(name="follow", batch_size=4, units=50, sees=True, shows=True)
