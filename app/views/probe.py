"""x"""
def show(scene):
    pass
