"""What happens on a connection before an application of ours hears of it?

``channel`` reads HTTP and keeps time, ``door`` asks for the key before a body is read, ``crowd``
counts connections, ``pump`` lets sockets have their messages read in turns, ``descriptors`` says
how many files a process may hold.
"""
