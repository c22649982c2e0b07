//go:build !race || !amd64

package sharedmem

import "sync/atomic"

// Load32 loads a word.
func Load32(p *uint32) uint32 { return atomic.LoadUint32(p) }

// Load64 loads a word.
func Load64(p *uint64) uint64 { return atomic.LoadUint64(p) }

// Swap32 stores a word. What follows is not before it.
func Swap32(p *uint32, v uint32) { atomic.SwapUint32(p, v) }

// Or32 sets bits of a word.
func Or32(p *uint32, bits uint32) { atomic.OrUint32(p, bits) }

// Order keeps what was before it before what follows, by way of a word.
func Order(p *uint64) { atomic.AddUint64(p, 0) }
