package aaa

import (
	"context"
	"fmt"

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

// tryServer asks a server for a user, without logging him in.
func (p Protocol) tryServer(ctx context.Context, q feature.Query, host feature.Host, out feature.Output) error {
	name, err := p.given(q)
	if err != nil {
		return err
	}
	return try(ctx, q, p, []string{name}, host, out)
}

func tryGroup(ctx context.Context, q feature.Query, host feature.Host, out feature.Output) error {
	name, _ := feature.Value[string](q.Args, "group")
	g, ok := GroupOf(q.Running, name)
	if !ok {
		return feature.Error(fmt.Sprintf("ERROR: Group %s does not exist.", name))
	}
	return try(ctx, q, g.Protocol, g.hosts(q.Running), host, out)
}

// try asks servers with a secret.
func try(ctx context.Context, q feature.Query, p Protocol, hosts []string, host feature.Host, out feature.Output) error {
	var servers []feature.ServerKey
	for _, h := range hosts {
		if ServerOf(q.Running, p, h).Key != "" {
			servers = append(servers, feature.ServerKey{Protocol: string(p), Host: h})
		}
	}
	if len(servers) == 0 {
		return feature.Error(fmt.Sprintf("ERROR: There is no %s server with a key.", p.Title()))
	}
	user, _ := feature.Value[string](q.Args, "user")
	password, _ := feature.Value[string](q.Args, "password")
	ok, err := host.TryLogin(ctx, servers, user, password)
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
