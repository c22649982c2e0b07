package feature

// IfIndex returns the SNMP interface index of a name, 0 for names without one.
// It depends on the name alone, so it survives reloads (cli.md §11.8). Indexes
// of high module and port numbers, for which the customary formula would
// collide, stand in a range of their own.
func IfIndex(name string) uint32 {
	module, port := NamePort(name)
	m, p := uint32(module), uint32(port)
	switch {
	case name == Mgmt0:
		return 0x5000000
	case port == 0:
		return 0
	case KindOf(name) == SVI:
		return 0x9010000 + p
	case KindOf(name) == Vethernet:
		return 0x1c000000 + p*16
	case m < 64 && p <= 128: // 64<<19 would reach the vEthernets, 128<<12 the next module
		return 0x1a000000 + m<<19 + (p-1)<<12
	}
	return 0x40000000 + m<<12 + p
}
