//go:build race

package sharedmem

// Load32 loads a word.
func Load32(p *uint32) uint32

// Load64 loads a word.
func Load64(p *uint64) uint64

// Swap32 stores a word. What follows is not before it.
func Swap32(p *uint32, v uint32)

// Or32 sets bits of a word.
func Or32(p *uint32, bits uint32)

// Order keeps what was before it before what follows, by way of a word.
func Order(p *uint64)
