package aaa

import (
	"context"
	"fmt"
	"slices"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Outcomes of test aaa, as NX-OS says them.
const (
	isProved  = "user has been authenticated\n"
	isRefused = "user has failed authentication\n"
)

// remoteUser is the type of users as servers know them.
var remoteUser = schema.Word("remote-user", "Name of the user", 128)

// tryPassword is clear for a line that sets nothing: it is a secret all the same.
var tryPassword = func() schema.Type[string] {
	t := clear
	t.Name, t.Syntax.Secret, t.Syntax.Samples = "try-password", true, []string{"sesame"}
	return t
}()

var tryTypes = map[string]schema.AnyType{
	"host": feature.HostName, "group": groupName, "user": remoteUser, "password": tryPassword,
}

var tryWords = schema.Words{
	"test": "Test functions", "test aaa": "Authentication of users by servers", "test aaa server": "One server",
	"test aaa server radius": "RADIUS server", "test aaa group": "Servers of a group",
}

// tries are the commands that ask servers for a user without logging him in.
var tries = []feature.Exec{
	{Line: "test aaa server radius <host> <user> <password>", Words: tryWords, Types: tryTypes, Help: "Ask a server for a user", Run: tryServer},
	{Line: "test aaa group <group> <user> <password>", Words: tryWords, Types: tryTypes, Help: "Ask the servers of a group for a user", Run: tryGroup},
}

func tryServer(ctx context.Context, q feature.Query, host feature.Host, out feature.Output) error {
	name, _ := feature.Value[string](q.Args, "host")
	if !slices.Contains(Servers(q.Running), name) {
		return feature.Error(fmt.Sprintf("ERROR: RADIUS server %s does not exist.", name))
	}
	return try(ctx, q, []string{name}, host, out)
}

func tryGroup(ctx context.Context, q feature.Query, host feature.Host, out feature.Output) error {
	group, _ := feature.Value[string](q.Args, "group")
	if group != everyServer && !slices.Contains(Groups(q.Running), group) {
		return feature.Error(fmt.Sprintf("ERROR: Group %s does not exist.", group))
	}
	return try(ctx, q, groupHosts(q.Running, group), host, out)
}

// try asks servers with a secret.
func try(ctx context.Context, q feature.Query, hosts []string, host feature.Host, out feature.Output) error {
	hosts = slices.DeleteFunc(hosts, func(h string) bool { return ServerOf(q.Running, h).Key == "" })
	if len(hosts) == 0 {
		return feature.Error("ERROR: There is no RADIUS server with a key.")
	}
	user, _ := feature.Value[string](q.Args, "user")
	password, _ := feature.Value[string](q.Args, "password")
	ok, err := host.TryLogin(ctx, hosts, user, password)
	if err != nil {
		return feature.Error(fmt.Sprintf("ERROR: The user is not proved: %v.", err))
	}
	text := isRefused
	if ok {
		text = isProved
	}
	_, err = out.Write([]byte(text))
	return err
}
