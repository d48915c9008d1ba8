"""Robots of group chats (企业微信, 钉钉, 飞书): what they are told leaves as rows that a loop delivers."""
