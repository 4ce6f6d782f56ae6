"""Valid requests for every operation of botocore's model, and the members that a bad request can spoil."""

import uuid

import botocore.session

MODEL = botocore.session.get_session().get_service_model("secretsmanager")
OPERATIONS = tuple(MODEL.operation_names)
# Operations that later releases bring. They refuse every request, with a code of their own.
LATER = {
    "AssociateCrossAccountReplica", "CancelRotateSecret", "DisassociateCrossAccountReplica", "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions", "RotateSecret", "StopReplicationToReplica", "ValidateResourcePolicy",
}
POLICY = ('{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:DeleteSecret",'
          '"Resource":"*"}]}')
REPLICA = "arn:aws:secretsmanager:us-east-1:210987654321:secret:replica-AbCdEf"


def valid(operation, name, version=None):
    """A request that the operation accepts for the secret, with as few members as it takes."""
    request = {"SecretId": name}
    if operation in ("GetRandomPassword", "ListSecrets"):
        return {}
    if operation == "CreateSecret":
        return {"Name": name + "-" + uuid.uuid4().hex, "ClientRequestToken": str(uuid.uuid4()), "SecretString": "v"}
    if operation == "BatchGetSecretValue":
        return {"Filters": [{"Key": "name", "Values": [name]}]}
    if operation in ("PutSecretValue", "UpdateSecret", "RotateSecret"):
        request["ClientRequestToken"] = str(uuid.uuid4())
    if operation == "PutSecretValue":
        request["SecretString"] = "v"
    if operation == "UpdateSecret":
        request["Description"] = "d"
    if operation in ("PutResourcePolicy", "ValidateResourcePolicy"):
        request["ResourcePolicy"] = POLICY
    if operation == "TagResource":
        request["Tags"] = [{"Key": "k", "Value": "v"}]
    if operation == "UntagResource":
        request["TagKeys"] = ["absent"]
    if operation == "UpdateSecretVersionStage":
        request |= {"VersionStage": "BLUE", "MoveToVersionId": version}
    if operation == "ReplicateSecretToRegions":
        request["AddReplicaRegions"] = [{"Region": "eu-west-1"}]
    if operation == "RemoveRegionsFromReplication":
        request["RemoveReplicaRegions"] = ["eu-west-1"]
    if "CrossAccountReplica" in operation:
        request["CrossAccountReplicaARN"] = REPLICA
    return request


def sample(shape):
    """A JSON value of the shape, as short as the model allows."""
    kind = shape.type_name
    if kind == "structure":
        return {key: sample(member) for key, member in shape.members.items()}
    if kind == "list":
        return [sample(shape.member)]
    if kind == "map":
        return {"k": sample(shape.value)}
    if kind == "blob":
        return "AAAA"
    if kind == "boolean":
        return False
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if "enum" in shape.metadata:
        return shape.metadata["enum"][0]
    return "a" * max(1, shape.metadata.get("min", 1))


def lower_camel(member):
    """How validation texts write a member."""
    return member[0].lower() + member[1:]


def places(shape, path=(), value_at=None):
    """Every member below a structure, with a function that puts a value in its place.

    Yields (path of names and indices, member's shape, put) where put(value) is the value of the outermost member.
    """
    for key, member in shape.members.items():
        here = path + (key,)

        def put(value, key=key):
            return value if value_at is None else value_at(key, value)

        yield here, member, put
        yield from below(member, here, put)


def below(shape, path, put):
    """The places inside a member."""
    if shape.type_name == "list":
        inner = shape.member

        def put_one(value):
            return put([value])

        yield path + (1,), inner, put_one
        yield from below(inner, path + (1,), put_one)
    elif shape.type_name == "map":

        def put_value(value):
            return put({"k": value})

        yield path + ("k",), shape.value, put_value
    elif shape.type_name == "structure":

        def put_member(key, value):
            return put({**sample(shape), key: value})

        yield from places(shape, path, put_member)


def all_places(model=MODEL, operations=OPERATIONS):
    """(operation, path, shape, put) for each member of each operation's input, however deep."""
    for operation in operations:
        for path, shape, put in places(model.operation_model(operation).input_shape):
            yield operation, path, shape, put


def dotted(path):
    """A path as botocore's users would name it."""
    return ".".join(str(part) for part in path)


def shown_path(path):
    """A path as validation texts write it: lowerCamel, and `1.member` for a list's first."""
    return ".".join(f"{part}.member" if isinstance(part, int) else lower_camel(part) for part in path)
