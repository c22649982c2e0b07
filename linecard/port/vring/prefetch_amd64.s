#include "textflag.h"

// func prefetch(list *unsafe.Pointer, n int, write bool)
TEXT ·prefetch(SB), NOSPLIT, $0-17
	MOVQ list+0(FP), SI
	MOVQ n+8(FP), CX
	MOVBLZX write+16(FP), AX
	TESTQ CX, CX
	JLE  done
	TESTB AX, AX
	JNE  write

read:
	MOVQ (SI), DI
	PREFETCHT0 (DI)
	PREFETCHT0 64(DI)
	ADDQ $8, SI
	DECQ CX
	JNE  read
	RET

write:
	MOVQ (SI), DI
	BYTE $0x0f; BYTE $0x0d; BYTE $0x0f // PREFETCHW (DI), which the assembler lacks
	BYTE $0x0f; BYTE $0x0d; BYTE $0x4f; BYTE $0x40 // PREFETCHW 64(DI)
	ADDQ $8, SI
	DECQ CX
	JNE  write

done:
	RET
