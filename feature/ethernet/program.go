package ethernet

// Program is the section of one line card: its Ethernet ports and the devices
// it is to adopt as such.
type Program struct {
	Ports []Port `json:"ports"`
	// Uplinks are device names to adopt besides those of the card's own
	// configuration (host uplink … under vem N).
	Uplinks []string `json:"uplinks,omitempty"`
}

// Port is one Ethernet port, with defaults filled in.
type Port struct {
	Name   string `json:"name"`   // "Ethernet3/1", or "Ethernet1/1" with front-panel names
	Number int    `json:"number"` // P of EthernetM/P
	Up     bool   `json:"up"`     // no shutdown, and its profile enabled
	MTU    uint32 `json:"mtu"`
	// Uplink ports obey split horizon (cli.md §9.7): a frame from an uplink is
	// never sent to an uplink.
	Uplink bool `json:"uplink,omitempty"`
	// Lines are the port's configuration lines by attribute, for quarantine:
	// "mtu" → "mtu 9216".
	Lines map[string]string `json:"lines,omitempty"`
}
