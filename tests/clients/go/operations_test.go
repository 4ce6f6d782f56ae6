// Every operation once, through the Go SDK.
package clients

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func TestCreateAndGet(t *testing.T) {
	name, token := newName(), "11111111-2222-4333-8444-555555555555"
	request := &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: aws.String("Grüße \"🔑\"\n"), Description: aws.String("words"), ClientRequestToken: &token,
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("")}},
	}
	made, err := client.CreateSecret(t.Context(), request)
	must(t, err)
	pattern := `^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:` + name + `-[A-Za-z0-9]{6}$`
	if !regexp.MustCompile(pattern).MatchString(*made.ARN) {
		t.Errorf("ARN %s", *made.ARN)
	}
	equal(t, "version", *made.VersionId, token)
	again, err := client.CreateSecret(t.Context(), request)
	must(t, err)
	equal(t, "ARN of the repeated request", *again.ARN, *made.ARN)
	got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: made.ARN})
	must(t, err)
	equal(t, "value", *got.SecretString, "Grüße \"🔑\"\n")
	equal(t, "name", *got.Name, name)
	equal(t, "labels", strings.Join(got.VersionStages, ","), "AWSCURRENT")
	if got.SecretBinary != nil || got.CreatedDate == nil || time.Since(*got.CreatedDate).Abs() > time.Hour {
		t.Errorf("binary %v, created %v", got.SecretBinary, got.CreatedDate)
	}
}

func TestBinary(t *testing.T) {
	name, binary := newName(), bytes.Repeat([]byte{0, 1, 254, 255}, 1000)
	_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretBinary: binary})
	must(t, err)
	got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	must(t, err)
	if !bytes.Equal(got.SecretBinary, binary) || got.SecretString != nil {
		t.Error("another value came back")
	}
}

func TestVersionsAndStages(t *testing.T) {
	name, made := newSecret(t)
	first := *made.VersionId
	second := put(t, name, "second")
	put(t, name, "blue", "BLUE")
	equal(t, "current", value(t, name), "second")
	got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{
		SecretId: &name, VersionStage: aws.String("AWSPREVIOUS")})
	must(t, err)
	equal(t, "previous", *got.SecretString, "first")
	_, err = client.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &name, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &first, RemoveFromVersionId: &second})
	must(t, err)
	equal(t, "rolled back", value(t, name), "first")
	listed := secretsmanager.NewListSecretVersionIdsPaginator(client, &secretsmanager.ListSecretVersionIdsInput{
		SecretId: &name, MaxResults: aws.Int32(2), IncludeDeprecated: aws.Bool(true)})
	stages := map[string]string{}
	for listed.HasMorePages() {
		page, err := listed.NextPage(t.Context())
		must(t, err)
		for _, version := range page.Versions {
			stages[*version.VersionId] = strings.Join(sorted(version.VersionStages), ",")
		}
	}
	equal(t, "versions", len(stages), 3)
	equal(t, "label of the first", stages[first], "AWSCURRENT")
	equal(t, "label of the second", stages[second], "AWSPREVIOUS")
}

func TestUpdateAndDescribe(t *testing.T) {
	name, made := newSecret(t)
	before, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name})
	must(t, err)
	if before.Description != nil || before.LastAccessedDate != nil || before.RotationEnabled != nil || before.KmsKeyId != nil ||
		before.Tags != nil || before.DeletedDate != nil || before.PrimaryRegion != nil || before.ReplicationStatus != nil {
		t.Errorf("more than was set: %+v", before)
	}
	words, err := client.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: &name, Description: aws.String("d")})
	must(t, err)
	if words.VersionId != nil {
		t.Error("words made a version")
	}
	updated, err := client.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: &name, SecretString: aws.String("v")})
	must(t, err)
	shown, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: made.ARN})
	must(t, err)
	equal(t, "description", *shown.Description, "d")
	equal(t, "versions", len(shown.VersionIdsToStages), 2)
	equal(t, "label", shown.VersionIdsToStages[*updated.VersionId][0], "AWSCURRENT")
	if shown.LastChangedDate.Before(*shown.CreatedDate) {
		t.Error("changed before it was created")
	}
}

func TestTags(t *testing.T) {
	name, _ := newSecret(t)
	_, err := client.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &name, Tags: []types.Tag{
		{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}})
	must(t, err)
	_, err = client.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: &name, TagKeys: []string{"a", "absent"}})
	must(t, err)
	shown, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name})
	must(t, err)
	equal(t, "tags", len(shown.Tags), 1)
	equal(t, "tag", *shown.Tags[0].Key+*shown.Tags[0].Value, "b2")
}

func TestListAndBatch(t *testing.T) {
	start, names := "go"+random(8)+"/", []string{}
	for number := range 5 {
		name := fmt.Sprintf("%s%d", start, number)
		_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &name})
		must(t, err)
		names = append(names, name)
	}
	listed := []string{}
	pages := secretsmanager.NewListSecretsPaginator(client, &secretsmanager.ListSecretsInput{
		Filters: byName(start), MaxResults: aws.Int32(2), SortOrder: types.SortOrderTypeDesc, SortBy: types.SortByTypeName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, entry := range page.SecretList {
			listed = append(listed, *entry.Name)
			equal(t, "labels of an entry", len(entry.SecretVersionsToStages), 1)
		}
	}
	slices.Reverse(listed)
	equal(t, "listed", strings.Join(listed, " "), strings.Join(names, " "))
	batch, err := client.BatchGetSecretValue(t.Context(), &secretsmanager.BatchGetSecretValueInput{
		SecretIdList: append(slices.Clone(names), start+"absent")})
	must(t, err)
	equal(t, "values", len(batch.SecretValues), 5)
	for _, one := range batch.SecretValues {
		equal(t, "value", *one.SecretString, *one.Name)
	}
	equal(t, "errors", len(batch.Errors), 1)
	equal(t, "error", *batch.Errors[0].SecretId+" "+*batch.Errors[0].ErrorCode, start+"absent ResourceNotFoundException")
	found := map[string]bool{}
	filtered := secretsmanager.NewBatchGetSecretValuePaginator(client, &secretsmanager.BatchGetSecretValueInput{
		Filters: byName(start), MaxResults: aws.Int32(2)})
	for filtered.HasMorePages() {
		page, err := filtered.NextPage(t.Context())
		must(t, err)
		for _, one := range page.SecretValues {
			found[*one.SecretString] = true
		}
	}
	equal(t, "values by filter", len(found), 5)
}

func TestPolicies(t *testing.T) {
	name, made := newSecret(t)
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:RotateSecret",` +
		`"Resource":"*"}]}`
	none, err := client.GetResourcePolicy(t.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: &name})
	must(t, err)
	if none.ResourcePolicy != nil {
		t.Error("a policy before any was put")
	}
	_, err = client.PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{
		SecretId: &name, ResourcePolicy: &document, BlockPublicPolicy: aws.Bool(true)})
	must(t, err)
	got, err := client.GetResourcePolicy(t.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: made.ARN})
	must(t, err)
	if !strings.Contains(*got.ResourcePolicy, "secretsmanager:RotateSecret") {
		t.Errorf("policy %s", *got.ResourcePolicy)
	}
	_, err = client.DeleteResourcePolicy(t.Context(), &secretsmanager.DeleteResourcePolicyInput{SecretId: &name})
	must(t, err)
}

func TestDeleteAndRestore(t *testing.T) {
	name, _ := newSecret(t)
	gone, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &name, RecoveryWindowInDays: aws.Int64(7)})
	must(t, err)
	if left := time.Until(*gone.DeletionDate); left < 6*24*time.Hour || left > 8*24*time.Hour {
		t.Errorf("%v are left of seven days", left)
	}
	_, err = client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	refused(t, err, "InvalidRequestException",
		"You can't perform this operation on the secret because it was marked for deletion.")
	_, err = client.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &name})
	must(t, err)
	equal(t, "value after restoring", value(t, name), "first")
	_, err = client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
		SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
	must(t, err)
	_, err = client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name})
	refused(t, err, "ResourceNotFoundException", notFound)
}

func TestRandomPassword(t *testing.T) {
	made, err := client.GetRandomPassword(t.Context(), &secretsmanager.GetRandomPasswordInput{
		PasswordLength: aws.Int64(20), ExcludePunctuation: aws.Bool(true)})
	must(t, err)
	if !regexp.MustCompile(`^[A-Za-z0-9]{20}$`).MatchString(*made.RandomPassword) {
		t.Error("another form of password")
	}
}

func TestParallelGets(t *testing.T) {
	name, _ := newSecret(t)
	var group sync.WaitGroup
	for range 200 {
		group.Add(1)
		go func() {
			defer group.Done()
			got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
			if err != nil || *got.SecretString != "first" {
				t.Errorf("got %v, %v", got, err)
			}
		}()
	}
	group.Wait()
}
