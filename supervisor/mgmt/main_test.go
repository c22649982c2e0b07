package mgmt

import (
	"testing"

	"trunkline/testbed/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }
