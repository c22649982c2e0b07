package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"trunkline/linecard/api"
)

// Where a host says who it is.
const (
	dmiUUID   = "/sys/class/dmi/id/product_uuid"
	machineID = "/etc/machine-id"
	uuidFile  = "host-uuid"
)

// namespace of UUIDs derived from machine ids, which are not to be shown as
// they are (machine-id(5)).
var namespace = uuid.MustParse("d5a1c5a4-6b2e-4a0e-9c61-7d6fbb0b4d1e")

// HostUUID returns the UUID of this host: the given one, else the one of its
// firmware, else one derived from its machine id, else a random one, which is
// kept in the state directory.
func HostUUID(given, stateDir string) (string, error) {
	return hostUUID(given, stateDir, dmiUUID, machineID)
}

func hostUUID(given, stateDir, dmi, machine string) (string, error) {
	if given != "" {
		id := strings.ToLower(strings.TrimSpace(given))
		if !api.ValidUUID(id) {
			return "", fmt.Errorf("%q is no UUID of a host", given)
		}
		return id, nil
	}
	if data, err := os.ReadFile(dmi); err == nil {
		if id := strings.ToLower(strings.TrimSpace(string(data))); api.ValidUUID(id) && !placeholder(id) {
			return id, nil
		}
	}
	if data, err := os.ReadFile(machine); err == nil {
		if id := strings.TrimSpace(string(data)); len(id) == 32 {
			return uuid.NewSHA1(namespace, []byte(id)).String(), nil
		}
	}
	path := filepath.Join(stateDir, uuidFile)
	data, err := os.ReadFile(path)
	if err == nil {
		if id := strings.TrimSpace(string(data)); api.ValidUUID(id) {
			return id, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read UUID of host: %w", err)
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return "", fmt.Errorf("keep UUID of host: %w", err)
	}
	id := uuid.NewString()
	if err := (store{stateDir}).replace(uuidFile, []byte(id+"\n")); err != nil {
		return "", fmt.Errorf("keep UUID of host: %w", err)
	}
	return id, nil
}

// placeholder reports whether a vendor left the UUID of a board as it came: all
// bits set, or counting up.
func placeholder(id string) bool {
	return strings.Trim(id, "f-") == "" || id == "03000200-0400-0500-0006-000700080009"
}
