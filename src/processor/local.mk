# filled in as its sources arrive
