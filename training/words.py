"""Plain words to fill sentences with."""

from __future__ import annotations

WORDS = (
    "banana strawberry elephant computer mississippi keyboard window garden mountain river library hospital umbrella "
    "chocolate butterfly calendar dinosaur engineer festival guitar hurricane island jacket kangaroo lantern magazine "
    "notebook octopus pumpkin quarter rainbow sandwich telephone universe vacation waterfall xylophone yesterday zebra "
    "level radar civic noon racecar bookkeeper committee balloon coffee success address parallel occurrence necessary "
    "accommodation rhythm awkward embarrassment possession programming language algorithm satellite democracy village "
    "whisper thunder blanket cabinet diamond eclipse fortune glacier harvest insect journey kitchen ladder marble "
    "needle orange pepper quiver ribbon shadow tunnel unicorn velvet walnut yellow apricot breeze cactus dolphin "
    "emerald feather gravity hammer icicle jungle kettle lemon mirror nectar oyster planet quartz rocket saddle "
    "tornado urchin violin willow anchor basket candle desert ember falcon goblin helmet ivory jigsaw koala legend "
    "monkey napkin onion parrot queen rabbit silver turtle uncle valley wizard abacus bamboo copper donkey enigma"
).split()
NOUNS = (
    "apple pear plum cherry grape kiwi mango melon cat dog horse cow sheep goat lion tiger bear wolf chair table lamp "
    "sofa desk shelf red green blue purple black white pink brown gold oak pine maple birch cedar elm car train bus "
    "plane ship bike truck bread cheese milk butter sugar salt rice pasta soup salad Paris London Rome Berlin Madrid "
    "Lisbon Vienna Oslo Tokyo Lima Cairo Quito Delhi Seoul Perth Boston"
).split()
NAMES = (
    "Alice Bob Carla David Emma Farid Grace Hannah Ivan Julia Kenji Laura Miguel Nadia Oscar Priya Quentin Rosa Samuel "
    "Tara Umar Valerie Wendy Xavier Yusuf Zoe Anton Bella Chen Diego Elif Felix Gita Hugo Ines Jonas Kira Liam Mona "
    "Nils Olga Pablo Ravi Sofia Tomas Ursula Viktor Wanda Yara Zack"
).split()
SURNAMES = (
    "Okafor Lindqvist Marchetti Novak Haruki Petrov Delacroix Ramires Osei Kowalski Brandt Iversen Castellan Mbeki "
    "Thorne Vasquez Eriksen Fontaine Halloran Ishikawa Jankovic Karimi Lovell Moreau Nakamura Oduya Pellegrin Quispe "
    "Rosenfeld Sandoval Tanaka Ulrich Verhoeven Whitlock Yamada Zielinski Abernathy Bellamy Calloway Drummond"
).split()
SENTENCES = (
    "the quick brown fox jumps over the lazy dog|to be or not to be|hello world|all that glitters is not gold"
    "|she sells sea shells by the sea shore|a stitch in time saves nine|practice makes perfect|the cat sat on the mat"
    "|we went to the market on Sunday|Time flies like an arrow|My favourite colour is blue|Peter Piper picked a peck"
    "|it was a dark and stormy night|where there is smoke there is fire|actions speak louder than words"
    "|Good things come to those who wait|the early bird catches the worm|knowledge is power|Never say never again"
    "|rain rain go away come again another day|open the door and let the dog out|Winter is coming to the valley"
).split("|")
