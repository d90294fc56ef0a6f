"""Would what is about to be fitted mislead?"""
