/** Example captures: those of RFC 6455 §5.7, and some that break rules. */

import type { Role } from "hawser/codec";

export interface Example {
  readonly name: string;
  readonly reader: Role | "any";
  readonly isCompressed?: boolean;
  readonly hex: string;
}

export const EXAMPLES: readonly Example[] = [
  {
    name: "RFC 6455 §5.7: Hello, unmasked and masked",
    reader: "any",
    hex: `81 05 48 65 6c 6c 6f                # a text frame, unmasked
81 85 37 fa 21 3d 7f 9f 4d 51 58    # the same, masked
01 03 48 65 6c                      # "Hel", a first fragment
80 02 6c 6f                         # "lo", the last one
89 05 48 65 6c 6c 6f                # a Ping
8a 85 37 fa 21 3d 7f 9f 4d 51 58    # and its Pong`,
  },
  {
    name: "RFC 7692 §7.2.3: Hello, compressed twice",
    reader: "client",
    isCompressed: true,
    hex: `c1 07 f2 48 cd c9 c9 07 00          # compressed
c1 05 f2 00 11 00 00                # refers to the one before`,
  },
  {
    name: "A fragmented message with a Ping inside, from a client",
    reader: "server",
    hex: `01 83 c0 ff ee 42 87 8d 2d
89 8c 5e af 00 d1 2d db 69 bd 32 8f 74 b9 3b dd 65 ee
80 82 a1 b2 c3 d4 1d d4
88 8c 9d 3c 1e 77 9e d4 7c 1e ee 1c 73 18 ef 5b 7b 19`,
  },
  {
    name: "Invalid UTF-8: an overlong slash",
    reader: "server",
    hex: `81 8b 10 20 30 40 76 49 5e 25 30 53 5f 60 76 41 42
81 8f 6b 1f 9a 05 45 31 b5 65 1f 7c b5 c5 c4 6f fb 76 18 68 fe`,
  },
  {
    name: "hexdump -C: a length in too many bytes",
    reader: "client",
    hex: `00000000  82 7e 00 82 00 07 0e 15  1c 23 2a 31 38 3f 46 4d  |.~.......#*18?FM|
00000010  54 5b 62 69 70 77 7e 85  8c 93 9a a1 a8 af b6 bd  |T[bipw~.........|
00000020  c4 cb d2 d9 e0 e7 ee f5  fc 03 0a 11 18 1f 26 2d  |..............&-|
00000030  34 3b 42 49 50 57 5e 65  6c 73 7a 81 88 8f 96 9d  |4;BIPW^elsz.....|
00000040  a4 ab b2 b9 c0 c7 ce d5  dc e3 ea f1 f8 ff 06 0d  |................|
00000050  14 1b 22 29 30 37 3e 45  4c 53 5a 61 68 6f 76 7d  |..")07>ELSZahov}|
00000060  84 8b 92 99 a0 a7 ae b5  bc c3 ca d1 d8 df e6 ed  |................|
00000070  f4 fb 02 09 10 17 1e 25  2c 33 3a 41 48 4f 56 5d  |.......%,3:AHOV]|
00000080  64 6b 72 79 80 87 81 7f  00 00 00 00 00 00 00 05  |dkry............|
00000090  48 65 6c 6c 6f                                    |Hello|
00000095`,
  },
];
