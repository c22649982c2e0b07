package supervisor

import (
	"slices"
	"strings"

	"trunkline/cli/session"
	"trunkline/feature"
)

// SetupDialogue are the questions that the command setup asks, and the appliance on
// its terminal when it has no configuration yet (cli.md §2.1). User is whose
// password is asked for; mgmt0 is asked about where the switch has it.
func SetupDialogue(user string, mgmt0 bool) session.Setup {
	line := func(before string) func(string) ([]string, error) {
		return func(answer string) ([]string, error) { return []string{before + answer}, nil }
	}
	in := func(mode, before string) func(string) ([]string, error) {
		return func(answer string) ([]string, error) { return []string{mode, "  " + before + answer}, nil }
	}
	var management session.Setup
	if mgmt0 {
		management = session.Setup{
			{Text: "Continue with the configuration of mgmt0? (yes/no) [y]: ", Yes: true, Of: 2},
			{Text: "IPv4 address of mgmt0, with the length of its prefix (A.B.C.D/LEN): ", Lines: in("interface mgmt0", "ip address ")},
			{Text: "IPv4 address of the default gateway: ", Lines: in("vrf context management", "ip route 0.0.0.0/0 ")},
		}
	}
	return slices.Concat(session.Setup{
		{
			Text: `Enter the password for "` + user + `": `, Again: `Confirm the password for "` + user + `": `,
			Lines: func(answer string) ([]string, error) {
				if strings.Contains(answer, `"`) {
					return nil, feature.Error("ERROR: A line of configuration cannot hold a password with quotation marks.")
				}
				return []string{"username " + user + ` password 0 "` + answer + `"`}, nil
			},
		},
		{Text: "Enter the switch name: ", Lines: line("hostname ")},
	}, management, session.Setup{
		{
			Text: "Enable the SSH service? (yes/no) [y]: ", Yes: true,
			Lines: func(answer string) ([]string, error) {
				if answer == "no" {
					return []string{"no feature ssh"}, nil
				}
				return []string{"feature ssh"}, nil
			},
		},
		{Text: "Domain id <1-4095>: ", Lines: in("svs-domain", "domain id ")},
	})
}
