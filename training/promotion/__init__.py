"""May a challenger become the champion?"""
