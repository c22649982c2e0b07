#include "textflag.h"

// func prefetch(slots unsafe.Pointer, at *uint32, n int)
TEXT ·prefetch(SB), NOSPLIT, $0-24
	MOVQ slots+0(FP), AX
	MOVQ at+8(FP), SI
	MOVQ n+16(FP), CX
	TESTQ CX, CX
	JLE  done

next:
	MOVL (SI), BX
	SHLQ $4, BX // slots have 16 bytes
	PREFETCHT0 (AX)(BX*1)
	ADDQ $4, SI
	DECQ CX
	JNZ  next

done:
	RET
