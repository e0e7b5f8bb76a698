"""What is deployed: settings in, CloudFormation out.

May touch: nothing in an account; the CDK's command line does that.
Never: is imported by the functions.
"""
