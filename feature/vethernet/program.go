package vethernet

// Program is the section of one line card: the vEthernets bound to it.
type Program struct {
	Ports []Port `json:"ports"`
}

// Port is one attached vEthernet, with defaults filled in.
type Port struct {
	Name  string `json:"name"` // "Vethernet3"
	Up    bool   `json:"up"`   // no shutdown, and its profile enabled
	Owner Owner  `json:"owner"`
	// MACLimit bounds the addresses learned on the port; 0 is the card's
	// default.
	MACLimit uint32 `json:"macLimit,omitempty"`
}

// Owner is what a vEthernet is bound to (cli.md §13.4). It is comparable; the
// zero value means detached.
type Owner struct {
	// Kind is "netns", "device", "tap", "internal", "vhost-user" or "workload".
	Kind string `json:"kind"`
	// Namespace and Ifname name the interface that the card creates in a
	// network namespace, removed on detach (kind netns).
	Namespace string `json:"namespace,omitempty"`
	Ifname    string `json:"ifname,omitempty"`
	// Device is a network device of the host (kind device), the TAP that the
	// card opens, created if it is not there (kind tap), or the host's own
	// in-band port (kind internal).
	Device string `json:"device,omitempty"`
	// Socket is the path of a vhost-user socket of the host, Client that the card
	// connects to it instead of listening on it (kind vhost-user).
	Socket string `json:"socket,omitempty"`
	Client bool   `json:"client,omitempty"`
	// Workload and UUID identify a virtual machine or container, MAC its
	// adapter (kind workload).
	Workload string `json:"workload,omitempty"`
	UUID     string `json:"uuid,omitempty"`
	MAC      string `json:"mac,omitempty"`
	// Module is the slot of the card the port is on; 0 for a workload whose
	// place is not known.
	Module int `json:"module,omitempty"`
}
