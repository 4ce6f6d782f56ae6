// Errors as Go values: their types, codes and texts, and the operations of later releases.
package clients

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

// is tells whether the chain of an error holds one of the type.
func is[T error](t *testing.T, err error) {
	t.Helper()
	var wanted T
	if !errors.As(err, &wanted) {
		t.Errorf("%v is no %T", err, wanted)
	}
}

func TestTypedErrors(t *testing.T) {
	name, made := newSecret(t)
	_, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(newName())})
	is[*types.ResourceNotFoundException](t, err)
	refused(t, err, "ResourceNotFoundException", notFound)
	_, err = client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("x")})
	is[*types.ResourceExistsException](t, err)
	refused(t, err, "ResourceExistsException", "The operation failed because the secret "+name+" already exists.")
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name})
	is[*types.InvalidRequestException](t, err)
	refused(t, err, "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	_, err = client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &name, RecoveryWindowInDays: aws.Int64(3)})
	is[*types.InvalidParameterException](t, err)
	_, err = client.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{NextToken: aws.String("bm90LW91cnM=")})
	is[*types.InvalidNextTokenException](t, err)
	_, err = client.PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{
		SecretId: &name, ResourcePolicy: aws.String("{")})
	is[*types.MalformedPolicyDocumentException](t, err)
	_, err = client.PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{
		SecretId: &name, BlockPublicPolicy: aws.Bool(true), ResourcePolicy: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*"}]}`)})
	is[*types.PublicPolicyException](t, err)
	_, err = client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{
		SecretId: &name, VersionId: made.VersionId, VersionStage: aws.String("BLUE")})
	refused(t, err, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
}

func TestLimits(t *testing.T) {
	name, _ := newSecret(t)
	for start := 0; start < 19; start += 10 {
		labels := []string{}
		for number := start; number < min(start+10, 19); number++ {
			labels = append(labels, "L"+strings.Repeat("x", number))
		}
		put(t, name, "v", labels...)
	}
	_, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &name, SecretString: aws.String("v"), VersionStages: []string{"ONE-MORE"}})
	is[*types.LimitExceededException](t, err)
	_, err = client.GetRandomPassword(t.Context(), &secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(5000)})
	refused(t, err, "ValidationException", "1 validation error detected: Value '5000' at 'passwordLength' failed to satisfy "+
		"constraint: Member must have value less than or equal to 4096")
}

func TestOtherCredentials(t *testing.T) {
	own := client.Options()
	ask := func(provider aws.CredentialsProvider, region string) error {
		// A client of its own: the SDK's signer keeps derived keys by access key, whatever the secret key is.
		loaded, err := config.LoadDefaultConfig(t.Context(), config.WithRetryMaxAttempts(1),
			config.WithCredentialsProvider(provider), config.WithRegion(region))
		must(t, err)
		_, err = secretsmanager.NewFromConfig(loaded).ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
		return err
	}
	kept, err := own.Credentials.Retrieve(t.Context())
	must(t, err)
	refused(t, ask(credentials.NewStaticCredentialsProvider("AKIA"+strings.Repeat("Z", 16), "x", ""), own.Region),
		"UnrecognizedClientException", "The security token included in the request is invalid.")
	refused(t, ask(credentials.NewStaticCredentialsProvider(kept.AccessKeyID, "x", ""), own.Region), "InvalidSignatureException",
		"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "+
			"signing method. Consult the service documentation for details.")
	refused(t, ask(own.Credentials, "eu-west-1"), "InvalidSignatureException", "")
	if err := ask(aws.AnonymousCredentials{}, own.Region); err == nil {
		t.Error("a request without a signature was answered")
	}
}

func TestLaterOperations(t *testing.T) {
	name, _ := newSecret(t)
	calls := map[string]func(context.Context) error{
		"rotate": func(ctx context.Context) error {
			_, err := client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &name})
			return err
		},
		"cancel": func(ctx context.Context) error {
			_, err := client.CancelRotateSecret(ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &name})
			return err
		},
		"replicate": func(ctx context.Context) error {
			_, err := client.ReplicateSecretToRegions(ctx, &secretsmanager.ReplicateSecretToRegionsInput{
				SecretId: &name, AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String("eu-west-1")}}})
			return err
		},
		"remove": func(ctx context.Context) error {
			_, err := client.RemoveRegionsFromReplication(ctx, &secretsmanager.RemoveRegionsFromReplicationInput{
				SecretId: &name, RemoveReplicaRegions: []string{"eu-west-1"}})
			return err
		},
		"stop": func(ctx context.Context) error {
			_, err := client.StopReplicationToReplica(ctx, &secretsmanager.StopReplicationToReplicaInput{SecretId: &name})
			return err
		},
		"validate": func(ctx context.Context) error {
			_, err := client.ValidateResourcePolicy(ctx, &secretsmanager.ValidateResourcePolicyInput{
				ResourcePolicy: aws.String(`{"Version":"2012-10-17","Statement":[]}`)})
			return err
		},
	}
	for what, call := range calls {
		t.Run(what, func(t *testing.T) {
			err := call(t.Context())
			var said smithy.APIError
			var answer *awshttp.ResponseError
			if !errors.As(err, &said) || !errors.As(err, &answer) || len(said.ErrorMessage()) < 10 {
				t.Fatalf("no clear refusal: %v", err)
			}
			if status := answer.HTTPStatusCode(); status < 400 || status >= 500 {
				t.Errorf("status %d", status)
			}
		})
	}
	equal(t, "value afterwards", value(t, name), "first")
}
