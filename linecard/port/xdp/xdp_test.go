package xdp_test

import (
	"testing"

	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/xdp"
	"trunkline/testbed/drivertest"
)

func open(generic bool) func(t testing.TB, namespace, device string) port.Port {
	return func(t testing.TB, namespace, device string) port.Port {
		t.Helper()
		p, err := xdp.Open(xdp.Config{Device: device, Namespace: namespace, Generic: generic})
		if err != nil {
			t.Skipf("needs AF_XDP: %v", err)
		}
		return p
	}
}

// finish makes the other end finish its frames.
func finish(t testing.TB, namespace, device string) {
	t.Helper()
	c, err := ifctl.Open(namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetSendOffloads(device, false); err != nil {
		t.Fatal(err)
	}
}

func TestDriver(t *testing.T) {
	for name, generic := range map[string]bool{"native": false, "generic": true} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Driver{Open: open(generic), Prepare: finish, MTU: 3400})
		})
	}
}
