//go:build race

#include "textflag.h"

TEXT ·Load32(SB), NOSPLIT, $0-12
	MOVQ p+0(FP), AX
	MOVL (AX), AX
	MOVL AX, ret+8(FP)
	RET

TEXT ·Load64(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ (AX), AX
	MOVQ AX, ret+8(FP)
	RET

TEXT ·Swap32(SB), NOSPLIT, $0-12
	MOVQ p+0(FP), AX
	MOVL v+8(FP), CX
	XCHGL CX, (AX)
	RET

TEXT ·Or32(SB), NOSPLIT, $0-12
	MOVQ p+0(FP), AX
	MOVL bits+8(FP), CX
	LOCK
	ORL  CX, (AX)
	RET

TEXT ·Order(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	XORL CX, CX
	LOCK
	ADDQ CX, (AX)
	RET
