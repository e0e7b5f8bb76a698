"""The CloudFormation template and its roles."""
