//! How refusals call what was asked for: by its ARN, and what IAM keeps mostly by its name, as in
//! `… is not authorized to perform: iam:GetRole on resource: role app`.

use std::borrow::Cow;

use super::PASS_ROLE;

/// Actions on what is not there yet. IAM calls it by the ARN that it will have.
const MAKING: [&str; 5] =
    ["iam:CreateGroup", "iam:CreateInstanceProfile", "iam:CreateRole", "iam:CreateServiceLinkedRole", "iam:CreateUser"];

/// What a refusal of `action` calls the resource of an ARN, for which the request said `asked`.
pub(super) fn called<'a>(arn: &'a str, asked: Option<&str>, action: &str) -> Cow<'a, str> {
    // Not by whose it is: that is what the operation would tell.
    if let Some(key_id) = asked.filter(|_| action == "iam:GetAccessKeyLastUsed") {
        return ["access key ", key_id].concat().into();
    }
    let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.split(':').nth(2) == Some("iam"));
    let kind_and_name = resource.and_then(|resource| {
        let (kind, path_and_name) = resource.split_once('/')?;
        Some((kind, path_and_name.rsplit('/').next()?)).filter(|(_, name)| !name.is_empty())
    });
    let Some((kind, name)) = kind_and_name else { return arn.into() };
    if !action.starts_with("iam:") || action == PASS_ROLE || MAKING.contains(&action) {
        return arn.into();
    }
    let name = asked.unwrap_or(name);
    match kind {
        "user" | "group" | "role" => [kind, " ", name].concat().into(),
        "instance-profile" => ["instance profile ", name].concat().into(),
        "policy" if action == "iam:CreatePolicy" => ["policy ", name].concat().into(),
        "policy" => ["policy ", arn].concat().into(),
        _ => arn.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iam_keeps_is_called_by_its_name() {
        let arn = |resource: &str| format!("arn:aws:iam::123456789012:{resource}");
        for (resource, action, name) in [
            ("user/team/ann", "iam:GetUser", "user ann"),
            ("user/ann", "iam:CreateAccessKey", "user ann"),
            ("group/all", "iam:AddUserToGroup", "group all"),
            ("role/app", "iam:UpdateAssumeRolePolicy", "role app"),
            ("role/a:role/b/app", "iam:GetRole", "role app"),
            ("instance-profile/app", "iam:AddRoleToInstanceProfile", "instance profile app"),
            ("policy/team/p", "iam:CreatePolicy", "policy p"),
        ] {
            assert_eq!(called(&arn(resource), None, action), name, "{action}");
        }
        let policy = arn("policy/team/p");
        assert_eq!(called(&policy, None, "iam:GetPolicy"), format!("policy {policy}"));
        for (resource, action) in [
            ("user/team/ann", "iam:CreateUser"),
            ("role/app", "iam:CreateRole"),
            ("role/app", "iam:PassRole"),
            ("role/app", "sts:AssumeRole"),
            ("mfa/ann", "iam:CreateVirtualMFADevice"),
            ("oidc-provider/idp.example.com/a", "iam:GetOpenIDConnectProvider"),
            ("user/", "iam:ListUsers"),
            ("root", "iam:GetUser"),
        ] {
            assert_eq!(called(&arn(resource), None, action), arn(resource), "{action}");
        }
        let session = "arn:aws:sts::123456789012:assumed-role/app/session";
        assert_eq!(called(session, None, "iam:GetUser"), session);
    }

    #[test]
    fn what_is_found_is_called_as_it_was_asked_for() {
        let arn = "arn:aws:iam::123456789012:user/team/ann";
        assert_eq!(called(arn, Some("ANN"), "iam:GetUser"), "user ANN");
        assert_eq!(called(arn, Some("ANN"), "iam:CreateUser"), arn);
        assert_eq!(called(arn, Some("AKIAEXAMPLE"), "iam:GetAccessKeyLastUsed"), "access key AKIAEXAMPLE");
        let root = "arn:aws:iam::123456789012:root";
        assert_eq!(called(root, Some("AKIAEXAMPLE"), "iam:GetAccessKeyLastUsed"), "access key AKIAEXAMPLE");
    }
}
