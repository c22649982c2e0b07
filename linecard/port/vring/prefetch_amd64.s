#include "textflag.h"

// func prefetch(reads *uintptr, nr int, writes *uintptr, nw int)
TEXT ·prefetch(SB), NOSPLIT, $0-32
	MOVQ reads+0(FP), SI
	MOVQ nr+8(FP), CX
	TESTQ CX, CX
	JLE  write

read:
	MOVQ (SI), DI
	PREFETCHT0 (DI)
	ADDQ $8, SI
	DECQ CX
	JNE  read

write:
	MOVQ writes+16(FP), SI
	MOVQ nw+24(FP), CX
	TESTQ CX, CX
	JLE  done

next:
	MOVQ (SI), DI
	BYTE $0x0f; BYTE $0x0d; BYTE $0x0f // PREFETCHW (DI), which the assembler lacks
	ADDQ $8, SI
	DECQ CX
	JNE  next

done:
	RET
